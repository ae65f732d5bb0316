//! WASM components as controllers.
