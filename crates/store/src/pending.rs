use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::sync::oneshot;

use crate::StoreError;

/// A change that stands in the writer's queue; resolves after its transaction was committed or has failed.
///
/// Dropping it does not take the change back.
#[derive(Debug)]
#[must_use = "only awaiting it tells whether the change was committed"]
pub struct Pending<T> {
    answer: oneshot::Receiver<Result<T, StoreError>>,
}

impl<T> Pending<T> {
    pub(crate) fn new(answer: oneshot::Receiver<Result<T, StoreError>>) -> Self {
        Self { answer }
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.answer).poll(context).map(|answer| answer.unwrap_or(Err(StoreError::Closed)))
    }
}
