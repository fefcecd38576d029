/** Stands for a package that is installed and does not load. */
throw new Error("libcudart.so.11.0: cannot open shared object file");
