"""What people press and open beside writing a message: buttons, shortcuts, the command, Home, feedback."""
