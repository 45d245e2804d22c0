"""A picture or a sheet in another skin: new colours, another material, another style; every outline stays where it is."""
