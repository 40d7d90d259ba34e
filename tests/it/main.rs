//! The one integration test binary: each module is one ground to stand on.

mod docker_room;
mod docker_runtime;
