mod first;
mod invited;
mod property;
mod race;
mod side;
mod table;
mod way;
