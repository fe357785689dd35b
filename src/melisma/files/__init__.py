"""What users have in files, read row by row, each fault told with its file and line."""
