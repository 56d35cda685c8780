//! What this machine is: said in every `Hello`, shown to people.

use std::path::Path;

use linn_proto::worker::WorkerInfo;

/// Describes this machine and program. Never fails: what cannot be found out is left empty.
pub(crate) fn describe(admin: &str, folder: &Path) -> WorkerInfo {
    let system = rustix::system::sysinfo();
    let name = rustix::system::uname();
    WorkerInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        platform: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
        admin: admin.to_owned(),
        host: name.nodename().to_string_lossy().into_owned(),
        boot_id: boot_id(),
        cpus: std::thread::available_parallelism()
            .ok()
            .and_then(|count| u32::try_from(count.get()).ok())
            .unwrap_or(0),
        memory_bytes: u64::from(system.mem_unit).saturating_mul(system.totalram as u64),
        folder: folder.to_string_lossy().into_owned(),
    }
}

/// Names this run of the kernel: a pid and start time of another one mean nothing now. Empty when unknown.
pub(crate) fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_filled() {
        let info = describe("ana", Path::new("/srv/worker"));
        assert_eq!(info.admin, "ana");
        assert_eq!(info.boot_id.len(), 36);
        assert!(info.platform.starts_with("linux-"));
        assert!(info.cpus >= 1 && info.memory_bytes > 1 << 20);
        assert!(!info.host.is_empty() && !info.version.is_empty());
    }
}
