use std::fmt;

use zeroize::Zeroizing;

/// A fresh activation key: `Display` shows it once, for the person who hands it out; `Debug` hides it.
pub struct AccessKey(pub(crate) Zeroizing<String>);

impl fmt::Display for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey(hidden)")
    }
}
