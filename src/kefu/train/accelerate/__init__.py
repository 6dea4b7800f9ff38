"""Accelerate configurations for several processes and machines: `kefu train RECIPE --on ddp` (or `accelerate launch --config_file`)."""
