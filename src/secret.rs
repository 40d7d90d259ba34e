//! Secrets by type, which no writer can write by mistake, and files for their owner alone. Knows nothing of who has one.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// A password, a token or a key. It has neither `Debug` nor `Display` nor `Serialize`: whoever needs its value says so.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Its value: for a request's header, a private file, or a masker.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<T: Into<Box<str>>> From<T> for Secret {
    fn from(value: T) -> Self {
        Self(value.into())
    }
}

/// Creates a file that only its owner can read (mode 0600), or empties it.
///
/// # Errors
/// Where it cannot be written.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
    // One that was there keeps its mode otherwise.
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// For `#[serde(with = "crate::secret::in_private_file")]`: a secret in a file that only its owner can read.
pub(crate) mod in_private_file {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Secret;

    /// # Errors
    /// The serializer's.
    pub(crate) fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    /// # Errors
    /// Where there is no text.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        Ok(String::deserialize(deserializer)?.into())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};
    use std::marker::PhantomData;

    use serde::Serialize;

    use super::*;

    /// Has a constant `SHOWN` of its own where `T` has the trait, and else that of [`Hidden`].
    struct Asked<T, Of: ?Sized>(PhantomData<T>, PhantomData<Of>);
    trait Hidden {
        const SHOWN: bool = false;
    }
    impl<T, Of: ?Sized> Hidden for Asked<T, Of> {}
    impl<T: Debug> Asked<T, dyn Debug> {
        const SHOWN: bool = true;
    }
    impl<T: Display> Asked<T, dyn Display> {
        const SHOWN: bool = true;
    }
    /// `Serialize`, which can be no `dyn`.
    struct Serialized;
    impl<T: Serialize> Asked<T, Serialized> {
        const SHOWN: bool = true;
    }

    #[test]
    fn a_private_file_is_its_owners_alone_also_where_one_was_there() {
        let path = tempfile::tempdir().unwrap().keep().join("x");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let mode = private_file(&path).unwrap().metadata().unwrap().permissions().mode();
        assert_eq!((mode & 0o777, std::fs::read(&path).unwrap().len()), (0o600, 0));
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn nothing_writes_a_secret_by_mistake() {
        const { assert!(!<Asked<Secret, dyn Debug>>::SHOWN && <Asked<String, dyn Debug>>::SHOWN) };
        const { assert!(!<Asked<Secret, dyn Display>>::SHOWN && <Asked<String, dyn Display>>::SHOWN) };
        const { assert!(!<Asked<Secret, Serialized>>::SHOWN && <Asked<String, Serialized>>::SHOWN) };
    }
}
