//! Twins: a pod that runs is played once more in a namespace beside it, without what is said to make it run. A twin that
//! is refused shows that this was the cause; one that gets its image, too, that it proves nothing. Knows no checks, no
//! lectures and no verdicts.

mod plan;
mod play;

pub(crate) use play::{Stand, Twin, TwinState, play};
