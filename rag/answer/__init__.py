"""From hits to an answer: prompt, generation, grounding, citations and evidence pictures."""
