"""Photos as users have them: class folders, content hashes, splits and checks."""
