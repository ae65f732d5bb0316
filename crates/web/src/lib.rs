//! From a request to an endpoint and back: route table, arguments, replies and the pipeline.
