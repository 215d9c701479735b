def batchnorm_backward_alt(dout, cache):
  return batchnorm_backward(dout, cache)


