"""One file per training method or close family; `kefu.train.factory.methods` names them."""
