//! Pure observation: a Pod → the STATUS `kubectl get pods` would print, traces, matching of expectations.
//! Knows no clients and never sleeps.
