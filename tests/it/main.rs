mod docker_room;
mod docker_runtime;
