use async_trait::async_trait;
use tokio::sync::oneshot;
use trunkline_model::Timestamp;

use crate::{
    Pending, StoreError,
    cache::Cache,
    draft::{Draft, Needs},
    engine::Connection,
    fault::Fault,
};

/// A command on messages, conversations and mailboxes: runs of them share their statements.
pub(crate) trait ChatCommand: Send + 'static {
    type Answer: Send + 'static;

    /// Names what [`ChatCommand::apply`] must know.
    fn needs(&self, needs: &mut Needs);

    /// Changes the draft; an error must come before the first change.
    fn apply(&self, draft: &mut Draft<'_>) -> Result<Self::Answer, StoreError>;
}

/// Any other change: it runs its own statements within the batch's transaction.
#[async_trait]
pub(crate) trait PlainCommand: Send + Sync + 'static {
    type Answer: Send + 'static;

    /// What kind of transaction it needs.
    fn extent(&self) -> Extent {
        Extent::Shared
    }

    /// Runs the statements; [`Fault::Refused`] must come before the first change.
    async fn run(&self, change: &mut Transaction<'_>) -> Result<Self::Answer, Fault>;
}

/// What kind of transaction a command needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// One with others.
    Shared,
    /// One of its own: no other command is to share its failure.
    Own,
    /// One of its own, which may take the database minutes.
    Long,
}

/// What a [`PlainCommand`] works with.
pub(crate) struct Transaction<'t> {
    pub(crate) sql: &'t mut Connection,
    pub(crate) cache: &'t mut Cache,
    pub(crate) now: Timestamp,
}

/// What stands in the writer's queue.
pub(crate) enum Job {
    Chat(Box<dyn ChatJob>),
    Plain(Box<dyn PlainJob>),
    /// Finish what is queued, then close.
    Close,
}

/// A [`ChatCommand`] and the one who waits for it.
pub(crate) trait ChatJob: Send {
    fn needs(&self, needs: &mut Needs);
    /// Keeps the answer until the transaction is committed.
    fn apply(&mut self, draft: &mut Draft<'_>) -> Result<(), Fault>;
    fn tell(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// A [`PlainCommand`] and the one who waits for it.
#[async_trait]
pub(crate) trait PlainJob: Send {
    fn extent(&self) -> Extent;
    /// Keeps the answer until the transaction is committed.
    async fn run(&mut self, change: &mut Transaction<'_>) -> Result<(), Fault>;
    fn tell(self: Box<Self>, outcome: Result<(), StoreError>);
}

struct Waiting<C, A> {
    command: C,
    answer: Option<Result<A, StoreError>>,
    waiter: oneshot::Sender<Result<A, StoreError>>,
}

impl Job {
    pub(crate) fn chat<C: ChatCommand>(command: C) -> (Self, Pending<C::Answer>) {
        let (waiter, answer) = oneshot::channel();
        (Self::Chat(Box::new(Waiting { command, answer: None, waiter })), Pending::new(answer))
    }

    pub(crate) fn plain<C: PlainCommand>(command: C) -> (Self, Pending<C::Answer>) {
        let (waiter, answer) = oneshot::channel();
        (Self::Plain(Box::new(Waiting { command, answer: None, waiter })), Pending::new(answer))
    }

    /// What kind of transaction it needs.
    pub(crate) fn extent(&self) -> Extent {
        if let Self::Plain(job) = self { job.extent() } else { Extent::Shared }
    }

    /// True when it wants a transaction of its own.
    pub(crate) fn alone(&self) -> bool {
        self.extent() != Extent::Shared
    }

    /// Answers after the commit, or tells why there was none.
    pub(crate) fn tell(self, outcome: Result<(), StoreError>) {
        match self {
            Self::Chat(job) => job.tell(outcome),
            Self::Plain(job) => job.tell(outcome),
            Self::Close => {}
        }
    }
}

impl<C, A> Waiting<C, A> {
    /// A refusal is this command's answer; a failure is the whole transaction's.
    fn keep(&mut self, outcome: Result<A, Fault>) -> Result<(), Fault> {
        self.answer = Some(match outcome {
            Ok(answer) => Ok(answer),
            Err(Fault::Refused(error)) => Err(error),
            Err(fault) => return Err(fault),
        });
        Ok(())
    }

    fn settle(self, outcome: Result<(), StoreError>) {
        let answer = outcome.and_then(|()| self.answer.unwrap_or(Err(StoreError::Closed)));
        // Whoever asked may have gone; the change stands all the same.
        drop(self.waiter.send(answer));
    }
}

impl<C: ChatCommand> ChatJob for Waiting<C, C::Answer> {
    fn needs(&self, needs: &mut Needs) {
        self.command.needs(needs);
    }

    fn apply(&mut self, draft: &mut Draft<'_>) -> Result<(), Fault> {
        let outcome = self.command.apply(draft).map_err(Fault::from);
        self.keep(outcome)
    }

    fn tell(self: Box<Self>, outcome: Result<(), StoreError>) {
        self.settle(outcome);
    }
}

#[async_trait]
impl<C: PlainCommand> PlainJob for Waiting<C, C::Answer> {
    fn extent(&self) -> Extent {
        self.command.extent()
    }

    async fn run(&mut self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        let outcome = self.command.run(change).await;
        self.keep(outcome)
    }

    fn tell(self: Box<Self>, outcome: Result<(), StoreError>) {
        self.settle(outcome);
    }
}
