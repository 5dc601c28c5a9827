"""What the participant is given: one file per measure, each from the model of the volumes so far to one value with its standard error."""
