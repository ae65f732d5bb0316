#!/usr/bin/env node
// Greets, as a worker or as a program for each call.
const { serve } = require('../../../sdk/worker-node/ketch-worker.cjs');

serve((call) => ({ text: `Hello, ${call.args.name}` }));
