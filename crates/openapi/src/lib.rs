//! What the API looks like from outside: the OpenAPI document and the docs page.
