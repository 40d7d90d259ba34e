//! Kinds' schemas, from k8s-openapi: strict decoding of bodies, and the OpenAPI documents. Built when first needed.

mod decode;
pub(crate) mod openapi;
mod time;
mod types;

pub(crate) use decode::{FieldValidation, decode, decode_patched, decode_value, word};
pub(crate) use types::{Shape, root, types};
