//! Kinds' schemas, from k8s-openapi: strict decoding of bodies, and the OpenAPI documents. Built when first needed.

mod decode;
mod types;

pub use decode::{decode, decode_patched, word};
pub use types::{Shape, definitions, root, types};
