"""What follows from event types for those who take them: schemas, types, a document."""
