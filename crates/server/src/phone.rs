pub(crate) async fn chat(_args: crate::cli::Chat) -> Result<(), crate::exit::Failure> {
    Ok(())
}
