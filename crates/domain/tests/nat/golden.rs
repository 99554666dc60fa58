//! A snapshot of the desired state is read by later versions of Mooring: what its bytes are is fixed by its version.

use mooring_domain::nat::{DESIRED_VERSION, Desired};

use crate::log::{bound, eip, folded, havip, havip_created, holder_changed, pool, subnet, vpc};

/// The bytes of a small region, and the version that they have.
const GOLDEN: (u32, &str) = (
    3,
    "\
     060110000000000000000000000000000000010100cb007100180110000000000000000000000000000000020473686f\
     70057670632d3201000a000100180100cb007109000a00010501000a0001050102000000000701000a00010502020000\
     00000702000000000800000600",
);

#[test]
fn the_bytes_of_a_snapshot_change_only_with_their_version() {
    let desired: Desired = folded(&[
        pool(1, &["203.0.113.0/24"]),
        vpc(2),
        subnet(2, "10.0.1.0/24"),
        havip_created(2, havip(5), &[7, 8]),
        holder_changed(2, havip(5), 7),
        bound(2, eip(9), havip(5)),
    ]);
    let bytes = postcard::to_stdvec(&desired).unwrap();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        (DESIRED_VERSION, hex.as_str()),
        GOLDEN,
        "if the form of the desired state changed: raise DESIRED_VERSION, and put this here"
    );
    assert_eq!(postcard::from_bytes::<Desired>(&bytes).unwrap(), desired);
}
