mod first;
mod invited;
mod property;
mod race;
mod shown;
mod side;
mod table;
mod way;
