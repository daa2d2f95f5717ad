pub(crate) async fn demo(_once: bool) -> Result<(), crate::exit::Failure> {
    Ok(())
}
