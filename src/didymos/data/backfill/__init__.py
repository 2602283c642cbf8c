"""Years of existing samples: files and tables -> chunks of columns -> runs on disk -> sorted day files that history takes."""
