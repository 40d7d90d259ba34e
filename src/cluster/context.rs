//! Any cluster the user already has, by kubeconfig context.
