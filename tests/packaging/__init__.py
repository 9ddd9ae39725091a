"""What is installed and shipped: constraints, wheel, an environment without torch, images, service, workflow."""
