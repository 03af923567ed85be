"""The PC's side: frames and messages, serial link, emulators, large models, bridge, latency and summary."""
