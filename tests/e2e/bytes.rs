//! I6: what a process writes is what is stored, byte for byte, whatever the bytes are.

use linn_tests::digest::sha256;
use linn_tests::site::Site;

/// A site with one builder that runs this Python program, and a worker; forces it and answers the raw log.
fn raw_log_of(program: &str) -> (Site, Vec<u8>) {
    let config = format!(
        "local_worker(\"w\")\n\
         builder(\"b\", workers = [\"w\"], factory = [shell(\"print\", command = [\"python3\", \"-c\", {program:?}])])\n\
         force_scheduler(\"force\", builders = [\"b\"])\n"
    );
    let site = Site::new(&config);
    let master = site.master();
    site.until_worker("w", "online");
    site.ok(["force", "b", "--wait"]);
    let log = site.linn(["log", "b#1/print", "--raw"]).stdout;
    let build = site.build("b#1");
    assert_eq!(build["results"], "SUCCESS", "{build}");
    assert_eq!(build["steps"][0]["logs"][0]["bytes"], log.len(), "{build}");
    drop(master);
    (site, log)
}

#[test]
fn fifty_megabytes_without_a_newline() {
    let (_, log) = raw_log_of(
        "import sys\nfor i in range(50): sys.stdout.buffer.write(bytes([65 + i % 26]) * 1000000)",
    );
    let expected: Vec<u8> = (0..50_u8).flat_map(|i| vec![65 + i % 26; 1_000_000]).collect();
    assert_eq!((log.len(), sha256(&log)), (expected.len(), sha256(&expected)));
}

#[test]
fn a_hundred_megabytes_of_short_lines() {
    let (site, log) = raw_log_of(
        "import sys\nw = sys.stdout.buffer.write\nfor i in range(2500): w(b''.join(b'%015d %023d\\n' % (i, j) for j in range(2500)))",
    );
    let mut expected = Vec::with_capacity(100_000_000);
    for i in 0..2500 {
        for j in 0..2500 {
            expected.extend_from_slice(format!("{i:015} {j:023}\n").as_bytes());
        }
    }
    assert_eq!((log.len(), sha256(&log)), (expected.len(), sha256(&expected)));
    drop(site);
}

#[test]
fn invalid_utf_8_nul_and_every_other_byte() {
    let (site, log) = raw_log_of(
        "import sys\nw = sys.stdout.buffer.write\nfor i in range(256): w(bytes([i, 0, 255, 254, i]))\nw(b'\\xc3')\nw(b'\\x1b]52;c;aGk=\\x07 end')",
    );
    let mut expected: Vec<u8> = (0..=255_u8).flat_map(|i| [i, 0, 255, 254, i]).collect();
    expected.extend_from_slice(b"\xc3\x1b]52;c;aGk=\x07 end");
    assert_eq!(log, expected);
    // Shown to people, no control byte of the log's reaches them (decision D10).
    let _master = site.master();
    let shown = site.linn(["log", "b#1/print"]).stdout;
    let wild = shown.iter().find(|byte| **byte < 32 && **byte != b'\n' && **byte != b'\t');
    assert_eq!(wild, None, "{}", String::from_utf8_lossy(&shown));
    assert!(std::str::from_utf8(&shown).is_ok(), "what is shown is UTF-8");
}

#[test]
fn standard_output_and_error_keep_their_order() {
    let (_, log) = raw_log_of("import os\nfor i in range(2000): os.write(1 + i % 2, b'%d\\n' % i)");
    let expected: String = (0..2000).map(|i| format!("{i}\n")).collect();
    assert_eq!(String::from_utf8_lossy(&log), expected);
}
