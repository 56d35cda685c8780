//! Whether there is room on the disk under the master (F14): below a floor nothing new is started, while results and logs
//! of what runs are still taken.
//!
//! The floor is [`crate::store::FREE_SPACE_FLOOR`], or a tenth of a disk smaller than ten floors. Once below it, half as
//! much again must be free before work goes on, so that one log does not switch the master off and on.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::store::FREE_SPACE_FLOOR;

/// How often is looked.
const EVERY: Duration = Duration::from_secs(10);

/// Looks at the disk under a folder from time to time.
pub(super) struct DiskWatch {
    folder: PathBuf,
    looked: Option<Instant>,
    low: bool,
}

impl DiskWatch {
    /// Of this folder; it has not looked yet.
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), looked: None, low: false }
    }

    /// When it wants to look again, from now.
    pub(super) fn due_in(&self) -> Duration {
        self.looked.map_or(Duration::ZERO, |looked| EVERY.saturating_sub(looked.elapsed()))
    }

    /// Looks if it is time: `Some` when the answer has changed, with the sentence for people or `None` for room enough.
    pub(super) fn look(&mut self) -> Option<Option<String>> {
        if !self.due_in().is_zero() {
            return None;
        }
        self.looked = Some(Instant::now());
        let space = match rustix::fs::statvfs(&self.folder) {
            Ok(space) => space,
            Err(error) => {
                tracing::warn!(
                    "the disk under {} cannot be looked at: {error}",
                    self.folder.display()
                );
                return None;
            }
        };
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        let total = space.f_blocks.saturating_mul(space.f_frsize);
        self.judge(free, total)
    }

    /// The disk turned out to be full: the next look tells even if the answer stays.
    pub(super) fn forget(&mut self) {
        self.low = false;
        self.looked = None;
    }

    fn judge(&mut self, free: u64, total: u64) -> Option<Option<String>> {
        let floor = FREE_SPACE_FLOOR.min(total / 10);
        let wanted = if self.low { floor + floor / 2 } else { floor };
        let low = free < wanted;
        if low == self.low {
            return None;
        }
        self.low = low;
        Some(low.then(|| {
            format!(
                "the disk under {} is nearly full ({} MiB free, {} MiB wanted)",
                self.folder.display(),
                free >> 20,
                (floor + floor / 2) >> 20
            )
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_once_each_way_and_does_not_flicker() {
        let mut watch = DiskWatch::new(Path::new("/srv/linn"));
        let total = 1 << 40;
        let mib = |count: u64| count << 20;
        assert_eq!(watch.judge(mib(300), total), None);
        let told = watch.judge(mib(200), total).flatten().expect("a sentence");
        assert!(told.contains("200 MiB free"), "{told}");
        assert_eq!(watch.judge(mib(100), total), None);
        assert_eq!(watch.judge(mib(300), total), None, "not yet room enough");
        assert_eq!(watch.judge(mib(400), total), Some(None));
    }

    #[test]
    fn a_small_disk_has_a_small_floor() {
        let mut watch = DiskWatch::new(Path::new("/srv/linn"));
        assert_eq!(watch.judge(5 << 20, 20 << 20), None);
        assert!(matches!(watch.judge(1 << 20, 20 << 20), Some(Some(_))));
    }
}
