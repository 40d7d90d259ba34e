//! The only user of bollard and testcontainers; everything it creates is labelled.
//! Knows nothing of labs or Kubernetes.
