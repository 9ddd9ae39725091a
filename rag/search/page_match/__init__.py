"""Page match: find the page that a picture shows by comparing pixels."""
