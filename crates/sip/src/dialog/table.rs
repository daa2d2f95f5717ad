use std::collections::HashMap;

use crate::header::Headers;

use super::{Dialog, DialogError, DialogId, Owner};

/// The dialogs of all owners.
#[derive(Debug)]
pub struct Dialogs {
    limit: usize,
    dialogs: HashMap<DialogId, Dialog>,
}

/// Where a request belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Into a dialog that is open.
    Inside(DialogId),
    /// Into none: it has no To tag.
    Outside,
    /// Into one that is not open here: answer it with 481, unless it is an ACK or a BENOTIFY.
    Gone,
}

impl Dialogs {
    /// Room for so many.
    pub fn new(limit: usize) -> Self {
        Self { limit, dialogs: HashMap::new() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.dialogs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.dialogs.is_empty()
    }

    /// Adds a dialog.
    pub fn insert(&mut self, dialog: Dialog) -> Result<DialogId, DialogError> {
        let id = dialog.id().clone();
        if self.dialogs.contains_key(&id) {
            return Err(DialogError::Repeated);
        }
        if self.dialogs.len() >= self.limit {
            return Err(DialogError::Full(self.limit));
        }
        self.dialogs.insert(id.clone(), dialog);
        Ok(id)
    }

    /// Where a request of a peer's belongs, by Call-ID and tags alone: its Request-URI is the Contact that the owner
    /// registered, whatever Contact the dialog began with.
    pub fn place(&self, owner: Owner, request: &Headers) -> Place {
        let (Ok(call_id), Ok(from), Ok(to)) = (request.call_id(), request.from(), request.to()) else {
            return Place::Gone;
        };
        let Some(local_tag) = to.tag().map(str::to_owned) else { return Place::Outside };
        let remote_tag = from.tag().unwrap_or_default().to_owned();
        let id = DialogId { owner, call_id, local_tag, remote_tag };
        if self.dialogs.contains_key(&id) { Place::Inside(id) } else { Place::Gone }
    }

    /// A dialog.
    pub fn get(&self, id: &DialogId) -> Option<&Dialog> {
        self.dialogs.get(id)
    }

    /// A dialog, to use it.
    pub fn get_mut(&mut self, id: &DialogId) -> Option<&mut Dialog> {
        self.dialogs.get_mut(id)
    }

    /// Takes a dialog out.
    pub fn remove(&mut self, id: &DialogId) -> Option<Dialog> {
        self.dialogs.remove(id)
    }

    /// Takes out all that an owner has.
    pub fn remove_all(&mut self, owner: Owner) -> Vec<Dialog> {
        self.dialogs.extract_if(|id, _| id.owner == owner).map(|(_, dialog)| dialog).collect()
    }
}
