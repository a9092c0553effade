@0xd2f8a1c94b7e6035;

struct Item {
  name @0 :Text;
  number @1 :Int64;
  ratio @2 :Float64;
  tags @3 :List(Text);
}

interface Echo {
  echo @0 (item :Item) -> (item :Item);
  raw @1 (data :Data) -> (data :Data);
}
