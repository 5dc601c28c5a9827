"""A phantom with known truth and a scanner that writes it as DICOM files; never imported by the live path."""
