"""The synthetic operational world: a Teaching Record System database that a warehouse can be tried on."""
