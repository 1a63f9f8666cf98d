"""Console: what a person or a log sees of a run. Observers of `pipeline.events`, nothing else."""
