//! The registry's side of the world: credentials, bcrypt htpasswd, dockerconfigjson, image references,
//! a small distribution v2 client, access-log reading. Knows nothing of pods, nor of who runs the registry.
