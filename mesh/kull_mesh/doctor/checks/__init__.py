"""What facts mean. Each check takes what was seen and returns findings; it looks at nothing."""
