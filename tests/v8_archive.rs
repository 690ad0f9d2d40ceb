//! The V8 archive that the build links is the one whose provenance `third_party/v8/README.md` tells.

use harness::root;
use sha2::{Digest, Sha256};

#[test]
fn sums_match() {
    let folder = root().join("third_party/v8");
    let sums = std::fs::read_to_string(folder.join("SHA256SUMS")).expect("SHA256SUMS");
    let mut names: Vec<_> = sums
        .lines()
        .map(|line| {
            let (wanted, name) = line.split_once("  ").expect("a sum and a name");
            let bytes = std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
            let actual: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(actual, wanted, "{name} is not the file that was vouched for");
            name.to_owned()
        })
        .collect();
    names.extend(["README.md".to_owned(), "SHA256SUMS".to_owned()]);
    for entry in std::fs::read_dir(&folder).expect("the folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name in UTF-8");
        assert!(names.contains(&name), "{name} has no sum in SHA256SUMS");
    }
}
