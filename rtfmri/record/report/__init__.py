"""A recorded run as one HTML file that a researcher reads, prints and keeps."""
