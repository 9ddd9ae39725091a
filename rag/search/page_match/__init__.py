"""Which page a picture shows, by its pixels: fingerprints of pages, their candidates, and the proof."""
