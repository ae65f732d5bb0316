//! The declarative surface: #[service] on an impl block, one method attribute per endpoint.
