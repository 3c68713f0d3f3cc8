// Imported before onnxruntime-node, whose Linux library otherwise sends usage to its makers and writes an id of
// the machine below the home directory. Whoever wants that sets the variable.

process.env.ORT_DISABLE_TELEMETRY ??= '1';
