use trunkline_wire::activation::ActivationRequest;

/// The body of an activation: it is read or not, and one that passes the check is within its limits and is read again from what
/// it is written as. Its key is never shown.
pub(crate) fn activation(bytes: &[u8]) {
    let Ok(request) = serde_json::from_slice::<ActivationRequest>(bytes) else { return };
    let Ok(()) = request.check() else { return };
    for text in [&request.address, &request.device_token, &request.platform, &request.name, &request.locale] {
        assert!(text.chars().count() <= 255 && !text.contains('\0'));
    }
    let written = serde_json::to_string(&request).expect("it can be written");
    let again: ActivationRequest = serde_json::from_str(&written).expect("it can be read again");
    assert_eq!(again.check(), Ok(()));
    assert!(!format!("{request:?}").contains("fuzz-secret"));
}
