mod docker_room;
