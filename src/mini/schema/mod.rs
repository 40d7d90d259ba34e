//! Kinds' schemas, from k8s-openapi: strict decoding of bodies, and the OpenAPI documents. Built when first needed.

mod decode;
pub mod openapi;
mod time;
mod types;

pub use decode::{FieldValidation, decode, decode_patched, decode_value, word};
pub use types::{Field, Shape, root, types};
